package promotion

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Digest identifies the exact bytes of a manifest or an index: "sha256:" and 64 lower-case hex digits. The zero
// Digest means that there is none. (OCI image specification, descriptor.md, section "Digests".)
type Digest struct{ text string }

// ParseDigest reads a digest in its canonical form. It returns an error for every other algorithm, length or letter case.
func ParseDigest(text string) (Digest, error) {
	hexadecimal, found := strings.CutPrefix(text, "sha256:")
	if !found || len(hexadecimal) != 64 || !isLowerHex(hexadecimal) {
		return Digest{}, fmt.Errorf("digest %.90q: expected sha256: and 64 lower-case hex digits", text)
	}
	return Digest{text: text}, nil
}

// DigestOf makes the digest of a SHA-256 sum.
func DigestOf(sum [32]byte) Digest { return Digest{text: "sha256:" + hex.EncodeToString(sum[:])} }

// String gives the digest as registries write it, or "" for none.
func (d Digest) String() string { return d.text }

// Short gives "sha256:" and the first 12 hex digits, for people.
func (d Digest) Short() string {
	if d.IsZero() {
		return ""
	}
	return d.text[:len("sha256:")+12]
}

// IsZero reports whether there is no digest.
func (d Digest) IsZero() bool { return d.text == "" }

// MarshalText writes the digest, or nothing for none.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.text), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = Digest{}
		return nil
	}
	parsed, err := ParseDigest(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// Commit is a git commit's full name: 40 (or, in SHA-256 repositories, 64) lower-case hex digits. The zero Commit
// means unknown.
type Commit struct{ text string }

// ParseCommit reads a full commit name. It returns an error for short names, other letters and upper case.
func ParseCommit(text string) (Commit, error) {
	if (len(text) != 40 && len(text) != 64) || !isLowerHex(text) {
		return Commit{}, fmt.Errorf("commit %.90q: expected 40 or 64 lower-case hex digits", text)
	}
	return Commit{text: text}, nil
}

// String gives the full name, or "" when unknown.
func (c Commit) String() string { return c.text }

// Short gives the first seven digits: what {short_sha} stands for in tags, and what people read.
func (c Commit) Short() string {
	if c.IsZero() {
		return ""
	}
	return c.text[:7]
}

// IsZero reports whether the commit is unknown.
func (c Commit) IsZero() bool { return c.text == "" }

// MarshalText writes the commit, or nothing when unknown.
func (c Commit) MarshalText() ([]byte, error) { return []byte(c.text), nil }

// UnmarshalText reads what MarshalText wrote.
func (c *Commit) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*c = Commit{}
		return nil
	}
	parsed, err := ParseCommit(string(text))
	if err != nil {
		return err
	}
	*c = parsed
	return nil
}

func isLowerHex(text string) bool {
	for _, r := range text {
		if (r < '0' || r > '9') && (r < 'a' || r > 'f') {
			return false
		}
	}
	return true
}
