package githubtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

// applicationKey is one key for all stand-ins of a process: making one takes a noticeable part of a second.
var applicationKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(fmt.Sprintf("githubtest: generate the app's key: %v", err))
	}
	return key
})

// Token kinds, as the request log has them.
const (
	NoToken           = "none"
	AppToken          = "app"          // a JWT signed with the app's key
	InstallationToken = "installation" // from POST /app/installations/{id}/access_tokens
	BadToken          = "bad"
)

// identity is who makes a request.
type identity struct {
	kind  string
	token *installationToken
}

// installationToken acts for an installation for an hour.
type installationToken struct {
	installation *Installation
	text         string
	expires      time.Time
	permissions  map[string]string
	repositories map[int64]bool // nil: all of the installation's
}

// reaches reports whether the token may see the repository as one of its installation's.
func (t *installationToken) reaches(r *Repository) bool {
	if t.installation.repositories[r.id] == nil {
		return false
	}
	return t.repositories == nil || t.repositories[r.id]
}

// allows reports whether the token has the permission, and the installation still grants it.
func (t *installationToken) allows(needed permission) bool {
	return covers(t.permissions[needed.name], needed.level) && covers(t.installation.permissions[needed.name], needed.level)
}

func covers(have, need string) bool {
	levels := map[string]int{"read": 1, "write": 2, "admin": 3}
	return levels[have] >= levels[need]
}

// identify reads the Authorization header. A refusal is the answer to give.
func (s *Server) identify(header string) (identity, *answer) {
	scheme, token, _ := strings.Cut(strings.TrimSpace(header), " ")
	token = strings.TrimSpace(token)
	switch {
	case header == "":
		return identity{kind: NoToken}, nil
	case !strings.EqualFold(scheme, "bearer") && !strings.EqualFold(scheme, "token"), token == "":
		return identity{kind: BadToken}, badCredentials()
	case strings.Count(token, ".") == 2:
		return s.identifyApp(token)
	}
	known := s.tokens[token]
	if known == nil || !s.options.AuthenticationClock().Before(known.expires) {
		return identity{kind: BadToken}, badCredentials()
	}
	if !known.installation.suspended.IsZero() {
		refusal := refuse(http.StatusForbidden, "This installation has been suspended")
		return identity{kind: InstallationToken, token: known}, &refusal
	}
	return identity{kind: InstallationToken, token: known}, nil
}

func badCredentials() *answer {
	refusal := refuse(http.StatusUnauthorized, "Bad credentials")
	return &refusal
}

// identifyApp checks an app's JWT. "Generating a JSON Web Token (JWT) for a GitHub App" in GitHub's docs has the rules: RS256,
// iss the app's id, exp at most ten minutes into the future. The messages are GitHub's.
func (s *Server) identifyApp(text string) (identity, *answer) {
	fail := func(status int, message string) (identity, *answer) {
		refusal := refuse(status, message)
		return identity{kind: BadToken}, &refusal
	}
	now := s.options.AuthenticationClock()
	claims := jwt.MapClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation())
	_, err := parser.ParseWithClaims(text, claims, func(*jwt.Token) (any, error) { return &s.key.PublicKey, nil })
	if err != nil {
		return fail(http.StatusUnauthorized, "A JSON web token could not be decoded")
	}
	expires, isNumber := claims["exp"].(float64)
	if !isNumber || !time.Unix(int64(expires), 0).After(now) {
		return fail(http.StatusUnauthorized,
			"'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires")
	}
	if time.Unix(int64(expires), 0).After(now.Add(10*time.Minute + time.Second)) { // a second for rounding
		return fail(http.StatusUnauthorized, "'Expiration time' claim ('exp') is too far in the future")
	}
	if issued, given := claims["iat"].(float64); given && time.Unix(int64(issued), 0).After(now.Add(time.Minute)) {
		return fail(http.StatusUnauthorized, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
	}
	if issuer := fmt.Sprint(claims["iss"]); issuer != strconv.FormatInt(s.app.id, 10) && claims["iss"] != float64(s.app.id) {
		return fail(http.StatusNotFound, "Integration not found")
	}
	return identity{kind: AppToken}, nil
}

// issue makes a token for the installation.
func (s *Server) issue(installation *Installation, permissions map[string]string, repositories map[int64]bool) *installationToken {
	number := sha256.Sum256(fmt.Appendf(nil, "%s %d", s.base, next(&s.sequence.token)))
	token := &installationToken{
		installation: installation, text: "ghs_" + base64.RawURLEncoding.EncodeToString(number[:])[:36],
		expires: s.options.AuthenticationClock().UTC().Add(time.Hour), permissions: permissions, repositories: repositories,
	}
	token.text = strings.NewReplacer("-", "A", "_", "B").Replace(token.text[4:])
	token.text = "ghs_" + token.text
	s.tokens[token.text] = token
	return token
}

// ExpireTokens ends the life of every installation token now.
func (s *Server) ExpireTokens() {
	s.look(func() { clear(s.tokens) })
}

// InstallationTokenFor gives a token of the installation that reaches the repository, as a test that speaks plain HTTP
// wants one. Permissions, if any are named, narrow it.
func (s *Server) InstallationTokenFor(r *Repository, permissions map[string]string) string {
	var text string
	s.look(func() {
		installation := r.installation()
		if installation == nil {
			panic("githubtest: the app is not installed in " + r.fullName())
		}
		if permissions == nil {
			permissions = installation.permissions
		}
		text = s.issue(installation, maps.Clone(permissions), nil).text
	})
	return text
}

func sha256Hex(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
