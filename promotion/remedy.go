package promotion

import "errors"

// remedy says what to do about what could not be told, and who can: it is only worth asking again soon where that may help.
func remedy(err error) string {
	if paused, isPaused := Paused(err); isPaused {
		if paused.Mend == "" {
			return "whoever runs Verbatim has to mend it; then ask again"
		}
		return "whoever runs Verbatim can mend it: " + paused.Mend + "; then ask again"
	}
	if permanent := (*PermanentError)(nil); errors.As(err, &permanent) {
		return "asking again changes nothing until that is mended"
	}
	return "ask again in a minute; nothing is promoted on a guess"
}
