package config

import (
	"net"
	"net/url"
	"strconv"
	"time"
)

func (l *loader) number(variable string, fromFile, instead, least, most int) int {
	number := fromFile
	if text, found := l.lookup(variable); found && text != "" {
		parsed, err := strconv.Atoi(text)
		if err != nil {
			l.problem("%s: expected a whole number, found %.40q", variable, text)
			return instead
		}
		number = parsed
	}
	if number == 0 {
		return instead
	}
	if number < least || number > most {
		l.problem("%s: expected %d to %d, found %d", variable, least, most, number)
	}
	return number
}

func (l *loader) duration(variable string, fromFile duration, instead, least time.Duration) time.Duration {
	text := l.text(variable, string(fromFile), "")
	if text == "" {
		return instead
	}
	parsed, err := parseDuration(duration(text))
	if err != nil || parsed < least {
		l.problem("%s: expected a length of time of at least %s, such as 30s, found %.40q", variable, least, text)
	}
	return parsed
}

func (l *loader) address(variable, address string) {
	if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
		l.problem("%s: expected host:port, such as 127.0.0.1:8080, found %.100q", variable, address)
	}
}

// url reports an address that is not https, or http for loopback. It does not show the address: it may hold a password.
func (l *loader) url(variable, text string) {
	if text == "" {
		return
	}
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" || parsed.Scheme != "https" && parsed.Scheme != "http" {
		l.problem("%s: expected an address like https://verbatim.example.com", variable)
		return
	}
	if parsed.Scheme == "http" && !isLoopback(parsed.Hostname()) {
		l.problem("%s: expected https: plain http is for loopback only", variable)
	}
}

func isLoopback(host string) bool {
	address := net.ParseIP(host)
	return host == "localhost" || address != nil && address.IsLoopback()
}
