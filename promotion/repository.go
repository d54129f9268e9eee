package promotion

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Repository is a GitHub repository as a delivery or GitHub itself names it. ID is what identifies it: names change.
type Repository struct {
	ID            int64
	Owner         string
	Name          string
	Installation  int64 // the app installation through which we may act on it
	Private       bool
	DefaultBranch string
}

// FullName gives "owner/name".
func (r Repository) FullName() string { return r.Owner + "/" + r.Name }

// Person is somebody on GitHub. ID is what identifies them: logins change hands.
type Person struct {
	ID    int64
	Login string
	Bot   bool
}

// RegistryRepository is a repository in a container registry: host (with port, if any) and path, as in
// "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/api".
type RegistryRepository struct{ text string }

// Host pattern and path components as the OCI distribution specification (section "Pulling manifests") and the
// Docker reference grammar have them.
var registryRepositoryPattern = regexp.MustCompile(
	`^[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::[0-9]{1,5})?(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)+$`)

// ParseRegistryRepository reads host/path. The first component must look like a host (a dot, a port or "localhost"),
// so that nothing goes to a default registry that nobody named. A tag or digest is an error.
func ParseRegistryRepository(text string) (RegistryRepository, error) {
	host, _, found := strings.Cut(text, "/")
	if !found || len(text) > 400 || !registryRepositoryPattern.MatchString(text) {
		return RegistryRepository{}, fmt.Errorf("registry repository %.120q: expected host/path in lower case, without tag or digest", text)
	}
	if !strings.ContainsAny(host, ".:") && host != "localhost" {
		return RegistryRepository{}, fmt.Errorf("registry repository %.120q: expected the registry's host first, as in registry.example.com/%s", text, text)
	}
	return RegistryRepository{text: strings.ToLower(host) + text[len(host):]}, nil
}

// String gives host/path.
func (r RegistryRepository) String() string { return r.text }

// Host gives the registry's host, with its port if it has one.
func (r RegistryRepository) Host() string {
	host, _, _ := strings.Cut(r.text, "/")
	return host
}

// Path gives what follows the host.
func (r RegistryRepository) Path() string {
	_, path, _ := strings.Cut(r.text, "/")
	return path
}

// IsZero reports whether there is none.
func (r RegistryRepository) IsZero() bool { return r.text == "" }

// MarshalText writes host/path, or nothing for none.
func (r RegistryRepository) MarshalText() ([]byte, error) { return []byte(r.text), nil }

// UnmarshalText reads what MarshalText wrote.
func (r *RegistryRepository) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*r = RegistryRepository{}
		return nil
	}
	parsed, err := ParseRegistryRepository(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}

var tagPattern = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)

// ValidTag reports whether text is a tag (OCI distribution specification, section "Pulling manifests").
func ValidTag(text string) bool { return tagPattern.MatchString(text) }

// Lane is one tag of one registry repository. It belongs to one environment on the whole server; promotions in it run
// one after another.
type Lane struct {
	Registry RegistryRepository
	Tag      string
}

// ReleaseCommand returns the command with which whoever runs the server gives the lane back.
func (l Lane) ReleaseCommand() string { return l.Registry.ReleaseCommand() + ":" + l.Tag }

// ReleaseCommand returns the command with which whoever runs the server gives the registry repository back, with all of its lanes.
func (r RegistryRepository) ReleaseCommand() string { return "verbatim ledger release " + r.String() }

// TaggedManifest is what a registry answers for a tag or a digest.
type TaggedManifest struct {
	Digest    Digest
	MediaType string
	Pushed    time.Time // when the digest was pushed; zero where the registry does not know
}
