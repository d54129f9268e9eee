package promotion

import (
	"cmp"
	"math"
)

// Number tells what came first in the ledger: it is drawn there when something is written, so that no clock that steps, and no
// two replicas whose clocks differ, can turn the order round. 0 is what is not written yet, and comes last.
type Number int64

// After reports whether what has this number came after what has the other.
func (n Number) After(other Number) bool { return n.order() > other.order() }

// Compare orders numbers, for sorting.
func (n Number) Compare(other Number) int { return cmp.Compare(n.order(), other.order()) }

func (n Number) order() Number {
	if n == 0 {
		return math.MaxInt64
	}
	return n
}
