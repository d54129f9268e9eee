package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"time"
)

// maximumSettingsSize is how many bytes the settings file, or a file with a secret, may have.
const maximumSettingsSize = 1 << 20

// Load reads the settings file, if one is named, and the environment, which overrides it key by key; a variable that is
// empty is as good as none. The error is a *SettingsError that names everything missing or wrong, each with how to set it.
func Load(path string, lookup func(string) (string, bool)) (Settings, error) {
	l := &loader{decoder: newDecoder(path), lookup: lookup, secrets: map[keyPath]string{}}
	if path != "" {
		l.file(path)
	}
	l.overlay(reflect.ValueOf(&l.document).Elem(), "")
	settings := l.settings()
	if len(l.wrong) > 0 {
		return Settings{}, &SettingsError{Problems: l.wrong}
	}
	return settings, nil
}

// loader brings the settings file and the environment together.
type loader struct {
	*decoder
	lookup   func(string) (string, bool)
	document settingsDocument
	secrets  map[keyPath]string // by the key that names the file
	wrong    []string
}

func (l *loader) file(path string) {
	content, err := readFile(path)
	if err != nil {
		l.problem("--config", "", "%q cannot be read: %s", path, err)
		return
	}
	if root := l.read(content, maximumSettingsSize); root != nil {
		l.decode(root, reflect.ValueOf(&l.document).Elem(), "", limits{})
	}
	if l.empty {
		return // everything in it is commented out
	}
	for _, problem := range l.sorted() {
		l.wrong = append(l.wrong, problem.String())
	}
}

// readFile reads a file that is not too large. The error does not name the path: people have put the secret there instead.
func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer func() { _ = file.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(file, maximumSettingsSize+1))
	if err != nil {
		return nil, withoutPath(err)
	}
	if len(content) > maximumSettingsSize {
		return nil, fmt.Errorf("it has more than %d KiB", maximumSettingsSize>>10)
	}
	return content, nil
}

func withoutPath(err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

func (l *loader) problem(name, suggestion, format string, arguments ...any) {
	text := name + ": " + fmt.Sprintf(format, arguments...)
	if suggestion != "" {
		text += " (" + suggestion + ")"
	}
	l.wrong = append(l.wrong, text)
}

// variable gives what the environment has under a name; empty is none.
func (l *loader) variable(name string) string {
	value, _ := l.lookup(name)
	return value
}

// given reports whether the file has the key.
func (l *loader) given(path keyPath) bool {
	_, found := l.spots[path]
	return found
}

// overlay sets what the environment has over what the file has, and the defaults where neither has anything.
func (l *loader) overlay(into reflect.Value, path keyPath) {
	for _, field := range fieldsOf(into.Type()) {
		value, tag, at := into.Field(field.index), into.Type().Field(field.index).Tag, path.key(field.name)
		variable := tag.Get("variable")
		switch {
		case value.Kind() == reflect.Struct:
			l.overlay(value, at)
		case value.Kind() == reflect.Slice:
			// lists have their own way: registries and webhooks; the floor is in the file only
		case value.Type() == reflect.TypeFor[secretFile]():
			l.secrets[at] = l.secret(variable, value.String(), at)
		default:
			l.overlayOne(value, variable, tag.Get("default"), at, field.limits)
		}
	}
}

func (l *loader) overlayOne(value reflect.Value, variable, instead string, at keyPath, allowed limits) {
	text := l.variable(variable)
	if value.Type() == reflect.TypeFor[logLevel]() {
		text = strings.ToLower(text)
	}
	if text == "" {
		if instead == "" || l.given(at) {
			return
		}
		text = instead
	}
	delete(l.broken, at) // it does not matter any more what the file has
	if wrong, suggestion := scalarOf(value.Type(), allowed).set(value, text); wrong != "" {
		l.breaks(at)
		l.problem(variable, suggestion, "%s", wrong)
	}
}

// secret gives the variable's value, or what is in the file that NAME_FILE or the settings file names.
func (l *loader) secret(variable, file string, at keyPath) string {
	if value := l.variable(variable); value != "" {
		if l.variable(variable+"_FILE") != "" {
			l.problem(variable, "keep the one that is meant", "expected the secret itself, or %s_FILE with the path of a file that holds it, found both", variable)
		}
		return value
	}
	name := string(at)
	if other := l.variable(variable + "_FILE"); variable != "" && other != "" {
		file, name = other, variable+"_FILE"
	}
	if file == "" || l.broken[at] && name == string(at) {
		return ""
	}
	content, err := readFile(file)
	if err == nil && len(bytes.TrimSpace(content)) == 0 {
		err = errors.New("it is empty")
	}
	if err != nil {
		l.breaks(at)
		l.problem(name, "", "the file that it names cannot be used: %s", err)
		return ""
	}
	return strings.TrimRight(string(content), "\r\n")
}

// settings gives what the document and the secrets say, once they are complete.
func (l *loader) settings() Settings {
	document := l.document
	settings := Settings{
		Addr: string(document.Addr), MetricsAddr: string(document.MetricsAddr), PublicURL: strings.TrimRight(string(document.PublicURL), "/"),
		DatabaseURL: string(document.DatabaseURL), LogLevel: string(document.LogLevel), Workers: document.Workers,
		Lease:           l.between("VERBATIM_LEASE", "lease", document.Lease, 5*time.Second, time.Hour),
		ShutdownGrace:   l.between("VERBATIM_SHUTDOWN_GRACE", "shutdown_grace", document.ShutdownGrace, 0, 10*time.Minute),
		CatchUpInterval: l.betweenOrOff("VERBATIM_CATCH_UP_INTERVAL", "catch_up_interval", document.CatchUpInterval, 30*time.Second, 24*time.Hour),
		Retention:       l.betweenOrOff("VERBATIM_RETENTION", "retention", document.Retention, 24*time.Hour, longestDuration),
		DriftInterval:   l.betweenOrOff("VERBATIM_DRIFT_INTERVAL", "drift_interval", document.DriftInterval, 30*time.Second, 24*time.Hour),
		Connections:     document.Connections,
		Concurrency:     document.Concurrency,
		Reserve:         document.Reserve,
		ECRPutRate:      document.ECRPutRate,
		ArtifactLimit:   int64(document.ArtifactLimit) << 20,
		Roles:           map[string]Role{}, Slack: map[string]SlackWebhook{},
	}
	if settings.Addr == settings.MetricsAddr && !strings.HasSuffix(settings.Addr, ":0") {
		l.problem("VERBATIM_METRICS_ADDR", "", "expected another address than that of VERBATIM_ADDR, found the same: %s", settings.Addr)
	}
	l.github(&settings)
	l.trust(&settings)
	l.registries(&settings)
	l.floor(&settings)
	l.slack(&settings)
	return settings
}

func (l *loader) between(variable string, at keyPath, text duration, least, most time.Duration) time.Duration {
	length := text.length()
	if !l.broken[at] && (length < least || length > most) {
		l.problem(variable, "", "expected a length of time from %s to %s, found %q", least, most, text)
	}
	return length
}

// betweenOrOff is between for what 0 switches off.
func (l *loader) betweenOrOff(variable string, at keyPath, text duration, least, most time.Duration) time.Duration {
	length := text.length()
	if !l.broken[at] && length != 0 && (length < least || length > most) {
		l.problem(variable, "", "expected 0, which switches it off, or a length of time from %s to %s, found %q", least, most, text)
	}
	return length
}
