package report

import (
	"slices"
	"strings"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Moved reports whether a reply of ours says that something was promoted to, or rolled back in, the environment.
func Moved(reply, environment string) bool {
	return slices.ContainsFunc(strings.Split(reply, "\n"), func(line string) bool {
		_, said, isOutcome := strings.Cut(strings.TrimSpace(line), "** → ")
		where, result, _ := strings.Cut(said, ": ")
		return isOutcome && strings.HasPrefix(line, "**") && strings.EqualFold(where, Text(environment)) &&
			(result == resultWord(promotion.ResultPromoted) || result == resultWord(promotion.ResultRolledBack))
	})
}

// Promoted reports whether a check run of ours with this title says that its commit was promoted.
func Promoted(title string) bool { return title == promotedTitle }

// promotedTitle is what the check run of a promoted commit is called.
const promotedTitle = "Promoted"
