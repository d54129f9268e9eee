//go:build sabotage

package ledger

import (
	"fmt"
	"os"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// A program built with this tag breaks the promise that VERBATIM_SABOTAGE names. The kill harness (internal/chaos) has to
// notice: if it did not, it would prove nothing. No release is built with it.
var (
	acknowledgesEarly = os.Getenv("VERBATIM_SABOTAGE") == "acknowledge_before_commit"
	isUnfenced        = os.Getenv("VERBATIM_SABOTAGE") == "no_fencing"
	takesRepeats      = os.Getenv("VERBATIM_SABOTAGE") == "no_deduplication"
)

// believed has workers who are not fenced believe that their leases hardly ever end, so that nothing else stops them.
func believed(until time.Time) time.Time {
	if isUnfenced {
		return until.Add(time.Hour)
	}
	return until
}

// repeatRequest makes a request one of its own, whatever was asked before.
func repeatRequest(request *promotion.Request, work []promotion.NewWork) {
	key := request.Key
	request.Key += fmt.Sprintf("#%d", request.ID)
	for i := range work {
		if work[i].Subject == key {
			work[i].Subject = request.Key
		}
	}
}
