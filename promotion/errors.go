package promotion

import (
	"errors"
	"time"
)

// ErrNotFound says that the other side answered, and that the thing is not there.
var ErrNotFound = errors.New("not found")

// ErrUnreadable says that a file is there, and that it cannot be told what it says.
var ErrUnreadable = errors.New("cannot be read")

// ErrTagImmutable says that the registry does not let the tag be moved.
var ErrTagImmutable = errors.New("the registry does not let this tag be moved")

// PermanentError wraps an error that trying again cannot mend.
type PermanentError struct{ Err error }

// Error gives the wrapped error's text.
func (e *PermanentError) Error() string { return e.Err.Error() }

// Unwrap gives the wrapped error.
func (e *PermanentError) Unwrap() error { return e.Err }

// DelayedError wraps an error for which the other side said how long to wait before trying again.
type DelayedError struct {
	Err     error
	After   time.Duration
	Untried bool // the other side was not even asked: it is not its turn, and that is not an attempt
}

// Error gives the wrapped error's text.
func (e *DelayedError) Error() string { return e.Err.Error() }

// Unwrap gives the wrapped error.
func (e *DelayedError) Unwrap() error { return e.Err }

// DownError wraps an error of somebody outside who did not answer, or who answered that they cannot: the same question may
// be answered later.
type DownError struct{ Err error }

// Error returns the wrapped error's text.
func (e *DownError) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *DownError) Unwrap() error { return e.Err }

// IsOutage reports whether somebody outside is down, asks to be left alone for a while, or does not take our credentials: it
// passes, or is mended, and what was asked can go on then.
func IsOutage(err error) bool {
	if permanent := (*PermanentError)(nil); errors.As(err, &permanent) {
		return false
	}
	return errors.As(err, new(*DownError)) || errors.As(err, new(*DelayedError)) || errors.As(err, new(*PausedError))
}

// AgainError says that the work is to be run again after a while. Uncounted: it only waited for somebody else, and that
// is not one of its attempts.
type AgainError struct {
	Err       error
	After     time.Duration
	Uncounted bool
}

// Error gives the wrapped error's text.
func (e *AgainError) Error() string { return e.Err.Error() }

// Unwrap gives the wrapped error.
func (e *AgainError) Unwrap() error { return e.Err }

// OutsideError says which system outside an error came from, as the reason code that a refusal names.
type OutsideError struct {
	Reason Reason
	Err    error
}

// Error gives the wrapped error's text.
func (e *OutsideError) Error() string { return e.Err.Error() }

// Unwrap gives the wrapped error.
func (e *OutsideError) Unwrap() error { return e.Err }

func fromGitHub(err error) error {
	if err == nil {
		return nil
	}
	return &OutsideError{Reason: GitHubError, Err: err}
}

func fromRegistry(err error) error {
	if err == nil {
		return nil
	}
	return &OutsideError{Reason: RegistryError, Err: err}
}

// reasonOf gives the code under which an error is told.
func reasonOf(err error) Reason {
	if outside := (*OutsideError)(nil); errors.As(err, &outside) {
		return outside.Reason
	}
	paused, isPaused := Paused(err)
	switch {
	case !isPaused:
		return InternalError
	case paused.Fault == FaultRegistryCredentials:
		return RegistryError
	case paused.Fault == FaultRegistryScope:
		return OutOfScope
	}
	return GitHubError
}

// lasting reports whether trying again soon cannot mend the error.
func lasting(err error) bool {
	if permanent := (*PermanentError)(nil); errors.As(err, &permanent) {
		return true
	}
	delayed := (*DelayedError)(nil)
	return errors.As(err, &delayed) && delayed.After > longestWait
}

// longestWait is the longest that somebody outside may ask for and be waited for where nobody waits for the answer.
const longestWait = 90 * time.Second
