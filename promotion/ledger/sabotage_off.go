//go:build !sabotage

package ledger

import (
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// The promises that a program built with the tag sabotage can be told to break (sabotage_on.go). Here, none.
const (
	acknowledgesEarly = false
	isUnfenced        = false
	takesRepeats      = false
)

// believed is when a worker believes that its lease ends.
func believed(until time.Time) time.Time { return until }

func repeatRequest(*promotion.Request, []promotion.NewWork) {}
