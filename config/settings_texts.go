package config

import (
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/verbatim-dev/verbatim/promotion"
)

// The kinds of text in the settings file, and of truth. Rules of what may hold a password do not show it.
type (
	listenAddress   string
	webAddress      string
	databaseURL     string
	logLevel        string
	plainText       string
	secretFile      string // a path
	filePath        string // of what is no secret
	variableName    string
	repositoryGlob  string
	registryGlob    string
	roleARN         string
	externalID      string
	environmentGlob string
	provenanceFloor string
	onlyFalse       bool // what can be forbidden and not allowed
)

var (
	plainPattern           = regexp.MustCompile(`^[^\x00-\x1f\x7f]{1,1000}$`)
	variableNamePattern    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,99}$`)
	repositoryGlobPattern  = regexp.MustCompile(`^[A-Za-z0-9*][A-Za-z0-9*-]*/[A-Za-z0-9*._-]+$`)
	environmentGlobPattern = regexp.MustCompile(`^[A-Za-z0-9*][A-Za-z0-9*._-]{0,63}$`)
	registryGlobPattern    = regexp.MustCompile(`^[A-Za-z0-9.:-]+(/[A-Za-z0-9._*{}-]+)*$`)
	rolePattern            = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,512}$`)
	externalPattern        = regexp.MustCompile(`^[A-Za-z0-9+=,.@:/_-]{2,1000}$`)
)

func (plainText) rule() rule { return rule{expected: "text", pattern: plainPattern} }

// A secret's file is looked into when it is used; what is wrong with its name is not shown, for it may be the secret itself.
func (secretFile) rule() rule {
	return rule{expected: "the path of a file", check: func(text string) (string, string) {
		if !plainPattern.MatchString(text) {
			return "expected the path of a file that holds the secret, found something else", ""
		}
		return "", ""
	}}
}

func (filePath) rule() rule { return rule{expected: "a path", pattern: plainPattern} }

func (variableName) rule() rule {
	return rule{expected: "an environment variable's name", check: func(text string) (string, string) {
		if !variableNamePattern.MatchString(text) {
			return "expected the name of an environment variable that holds the secret, found something else", ""
		}
		return "", ""
	}}
}

func (repositoryGlob) rule() rule {
	return rule{expected: "owner/repo, in which * stands for anything but a slash", pattern: repositoryGlobPattern}
}

func (registryGlob) rule() rule {
	return rule{expected: "a registry's host, or host/repository, in which * stands for anything but a slash", pattern: registryGlobPattern}
}

func (environmentGlob) rule() rule {
	return rule{expected: "an environment's name, in which * stands for anything", pattern: environmentGlobPattern}
}

func (provenanceFloor) rule() rule { return rule{words: []string{"labels", "attestation"}} }

func (roleARN) rule() rule {
	return rule{expected: "a role's ARN, such as arn:aws:iam::123456789012:role/verbatim", pattern: rolePattern}
}

func (externalID) rule() rule {
	return rule{expected: "an external id of 2 to 1000 letters, digits and +=,.@:/_-", pattern: externalPattern}
}

func (logLevel) rule() rule {
	return rule{words: []string{"trace", "debug", "info", "warn", "error"}}
}

func (listenAddress) rule() rule {
	return rule{expected: "host:port", check: func(text string) (string, string) {
		_, port, err := net.SplitHostPort(text)
		if number, wrong := strconv.Atoi(port); err != nil || wrong != nil || number < 0 || number > 65535 {
			return "expected host:port, such as 127.0.0.1:8080, found " + strconv.Quote(clipped(text)), ""
		}
		return "", ""
	}}
}

func (webAddress) rule() rule {
	return rule{expected: "an address such as https://verbatim.example.com", check: addressWrong}
}

// addressWrong refuses what is neither https, nor http for loopback.
func addressWrong(text string) (wrong, suggestion string) {
	parsed, err := url.Parse(text)
	switch {
	case err != nil || parsed.Hostname() == "" || parsed.Scheme != "https" && parsed.Scheme != "http":
		return "expected an address such as https://verbatim.example.com, found something else", ""
	case parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "":
		return "expected an address without user name, query and fragment", ""
	case parsed.Scheme == "http" && !isLoopback(parsed.Hostname()):
		return "expected https: plain http is for loopback only", ""
	}
	return "", ""
}

func isLoopback(host string) bool {
	address := net.ParseIP(host)
	return host == "localhost" || address != nil && address.IsLoopback()
}

func (databaseURL) rule() rule {
	return rule{expected: "sqlite:PATH, such as sqlite:verbatim.db, or postgres://user:password@host/database", check: func(text string) (string, string) {
		path, isSQLite := strings.CutPrefix(text, "sqlite:")
		switch {
		case isSQLite && path != "":
			return "", ""
		case strings.HasPrefix(text, "postgres://"), strings.HasPrefix(text, "postgresql://"):
			// The address may hold a password, so that it is never shown.
			if parsed, err := url.Parse(text); err != nil || parsed.Host == "" && parsed.Query().Get("host") == "" {
				return "expected postgres://user:password@host/database, found something else", ""
			}
			return "", ""
		}
		return "expected sqlite:PATH, such as sqlite:verbatim.db, or postgres://user:password@host/database, found something else", ""
	}}
}

// scopeRule reads a rule about which GitHub repositories may use which registry repositories.
func scopeRule(repositories, registry string) (rule promotion.ScopeRule, wrong, suggestion string) {
	host, path, hasPath := strings.Cut(strings.TrimSpace(registry), "/")
	rule = promotion.ScopeRule{Repositories: strings.TrimSpace(repositories), Registry: strings.ToLower(host)}
	if hasPath {
		rule.Registry += "/" + path
	}
	if wrong, suggestion = variableWrong(rule.Registry, "{owner}", "{repo}"); wrong != "" {
		return rule, wrong, suggestion
	}
	if err := rule.Validate(); err != nil {
		return rule, err.Error(), "write it as in acme/shop=registry.example.com/shop/*"
	}
	if wrong, suggestion = repositoryGlob("").rule().violated(rule.Repositories); wrong != "" {
		return rule, wrong, suggestion
	}
	wrong, suggestion = registryGlob("").rule().violated(rule.Registry)
	return rule, wrong, suggestion
}
