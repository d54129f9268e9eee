package ledger

import "testing"

// Patience grows with what comes, and is over soon after.
func TestADeliveryThatComesAloneIsNotHeldUpForLong(t *testing.T) {
	t.Parallel()
	inbox := make(chan intake, maximumBatch)
	var pace pace
	for range 20 {
		for range maximumBatch - 1 {
			inbox <- intake{}
		}
		if batch := pace.gather(intake{}, inbox); len(batch) != maximumBatch {
			t.Fatalf("%d deliveries in a batch, with %d waiting", len(batch), maximumBatch-1)
		}
	}
	if pace.target != mostTarget {
		t.Errorf("after a flood %d are waited for, expected %d", pace.target, mostTarget)
	}
	if alone := pace.gather(intake{}, inbox); len(alone) != 1 || pace.target >= worthwhile {
		t.Errorf("after one that came alone %d are waited for (batch of %d), expected that nobody is", pace.target, len(alone))
	}
}
