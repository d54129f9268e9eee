package config

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/rs/zerolog"
)

// Secret is a text that no log, message or document shows: every way of writing it gives [redacted].
// The text is behind a function, which no formatting looks into: not even that of an unexported field of another struct.
type Secret struct{ reveal func() string }

const redacted = "[redacted]"

// NewSecret makes a secret of a text.
func NewSecret(text string) Secret { return Secret{func() string { return text }} }

// Reveal gives the text: to be used, not shown.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero reports whether there is none.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// String hides the text.
func (Secret) String() string { return redacted }

// GoString hides the text.
func (Secret) GoString() string { return redacted }

// Format hides the text, whatever the verb.
func (Secret) Format(state fmt.State, _ rune) { hide(state) }

// MarshalText hides the text.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON hides the text.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalYAML hides the text.
func (Secret) MarshalYAML() (any, error) { return redacted, nil }

// MarshalZerologObject hides the text.
func (Secret) MarshalZerologObject(event *zerolog.Event) { event.Str("secret", redacted) }

// LogValue hides the text.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

func hide(to io.Writer) { _, _ = io.WriteString(to, redacted) }
