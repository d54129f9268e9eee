package forge

import (
	"net/http"
	"time"
)

// believedEqual is how far GitHub's clock may be from ours without counting: its Date header has whole seconds, and is
// as old as the answer was on its way.
const believedEqual = 2 * time.Second

// hear keeps how far GitHub's clock is from ours, as an answer says. One that something on the way kept for a while does not
// count. (RFC 9110, section 6.6.1; RFC 9111, section 5.1)
func (f *Forge) hear(header http.Header) {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil || header.Get("Age") != "" {
		return
	}
	offset := date.Add(time.Second / 2).Sub(f.now())
	if offset.Abs() < believedEqual {
		offset = 0
	}
	f.offset.Store(int64(offset))
}

// TimeOf returns what GitHub's clock says when ours says so, as far as its last answer told. It costs no call.
func (f *Forge) TimeOf(ours time.Time) time.Time { return ours.Add(time.Duration(f.offset.Load())) }
