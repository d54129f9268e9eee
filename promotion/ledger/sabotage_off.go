//go:build !sabotage

package ledger

import "github.com/verbatim-dev/verbatim/promotion"

// The promises that a program built with the tag sabotage can be told to break (sabotage_on.go). Here, none.
const (
	acknowledgesEarly = false
	isUnfenced        = false
	takesRepeats      = false
)

func repeatRequest(*promotion.Request, []promotion.NewWork) {}
