package registry

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/verbatim-dev/verbatim/promotion"
)

// busyError is an answer 429, with how long the registry asks to wait.
type busyError struct{ after time.Duration }

func (e *busyError) Error() string {
	return fmt.Sprintf("429 too many requests: the registry asks to wait %s", e.after)
}

func statusOf(err error) (int, bool) {
	var answered *transport.Error
	if errors.As(err, &answered) {
		return answered.StatusCode, true
	}
	return 0, false
}

// explain turns an answer of a registry into one of the domain's errors.
func explain(doing, host string, err error) error {
	var delayed *promotion.DelayedError
	if errors.As(err, &delayed) {
		return &promotion.DelayedError{Err: fmt.Errorf("%s: %w", doing, delayed.Err), After: delayed.After, Untried: delayed.Untried}
	}
	var busy *busyError
	if errors.As(err, &busy) {
		return &promotion.DelayedError{Err: fmt.Errorf("%s: %w", doing, busy), After: busy.after}
	}
	if errors.Is(err, errPlainHTTP) || strings.Contains(err.Error(), "does not match requested digest") {
		return &promotion.PermanentError{Err: fmt.Errorf("%s: %w", doing, err)}
	}
	var answered *transport.Error
	if !errors.As(err, &answered) {
		return &promotion.DownError{Err: fmt.Errorf("%s: %w", doing, err)}
	}
	if isImmutable(answered) {
		return fmt.Errorf("%s: %w: %w", doing, promotion.ErrTagImmutable, answered)
	}
	switch answered.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("%s: %w", doing, promotion.ErrNotFound)
	case http.StatusUnauthorized, http.StatusForbidden:
		return refusedCredentials(host, "credentials that may do this in the Docker keychain (DOCKER_CONFIG)", fmt.Errorf("%s: %w", doing, answered))
	case http.StatusTooManyRequests:
		return &promotion.DelayedError{Err: fmt.Errorf("%s: %w", doing, answered), After: time.Minute}
	}
	if answered.StatusCode >= 500 || answered.StatusCode == http.StatusRequestTimeout {
		return &promotion.DownError{Err: fmt.Errorf("%s: %w", doing, answered)}
	}
	return &promotion.PermanentError{Err: fmt.Errorf("%s: %w", doing, answered)}
}

// refusedCredentials says that a registry does not take, or not allow, the credentials.
func refusedCredentials(host, expected string, err error) error {
	return &promotion.PausedError{
		Fault: promotion.FaultRegistryCredentials, What: host, Mend: "give the server " + expected, Err: fmt.Errorf("%w; expected %s", err, expected),
	}
}

// isImmutable reports whether a refused PUT says that the tag cannot be moved. Registries have no common code for it:
// ECR answers TAG_INVALID or IMAGE_TAG_ALREADY_EXISTS, Harbor 412 and PRECONDITION, GitLab and Artifact Registry DENIED
// or a failed precondition, each with a text that says so (reported by users; not in the specification).
func isImmutable(answered *transport.Error) bool {
	if answered.Request == nil || answered.Request.Method != http.MethodPut {
		return false
	}
	text := strings.ToLower(answered.Error())
	return strings.Contains(text, "immutable") || strings.Contains(text, "already exists") || strings.Contains(text, "tag is protected") ||
		answered.StatusCode == http.StatusPreconditionFailed || answered.StatusCode == http.StatusConflict
}
