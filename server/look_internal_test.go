package server

import (
	"context"
	"strconv"
	"testing"

	"github.com/verbatim-dev/verbatim/promotion"
)

// countedNames knows many repositories by their ids, and counts how often it is asked.
type countedNames struct {
	promotion.NameKeeper
	asked int
}

func (n *countedNames) Named(_ context.Context, id int64) (promotion.Repository, bool, error) {
	n.asked++
	if id > 5000 {
		return promotion.Repository{}, false, promotion.ErrNotFound
	}
	return promotion.Repository{ID: id}, true, nil
}

// A row that looks at a repository asks for that one, and the list of all is not within its reach: with it a round would cost as
// many reads as there are repositories, squared.
func TestARowLooksAtItsOwnRepositoryOnly(t *testing.T) {
	t.Parallel()
	names := &countedNames{}
	l := &looks{names: names}
	for _, id := range []int64{1, 5000, 5001} {
		names.asked = 0
		found, governed, err := l.governed(t.Context(), strconv.FormatInt(id, 10))
		if err != nil || governed != (id <= 5000) || governed && found.ID != id {
			t.Errorf("repository %d: found %+v, %t, %v", id, found, governed, err)
		}
		if names.asked != 1 {
			t.Errorf("repository %d: %d questions to the ledger, expected one", id, names.asked)
		}
	}
}
