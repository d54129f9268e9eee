package config

import "github.com/rs/zerolog"

// Secret is a text that no log, message or document shows.
type Secret struct{ text string }

const redacted = "[redacted]"

// NewSecret makes a secret of a text.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal gives the text: to be used, not shown.
func (s Secret) Reveal() string { return s.text }

// String hides the text.
func (Secret) String() string { return redacted }

// GoString hides the text.
func (Secret) GoString() string { return redacted }

// MarshalText hides the text.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalZerologObject hides the text.
func (Secret) MarshalZerologObject(event *zerolog.Event) { event.Str("secret", redacted) }
