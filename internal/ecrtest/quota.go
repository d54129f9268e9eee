package ecrtest

import "time"

// quota counts the PutImage calls of the last second: an account has ten a second in a region, until AWS raises it
// (https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html).
type quota struct {
	perSecond int // 0: without end
	taken     []time.Time
	throttled int
}

// Quota allows so many PutImage calls in any second; what is more is throttled. 0 allows any number.
func (s *Server) Quota(perSecond int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.quota = quota{perSecond: perSecond}
}

// Throttled gives how many PutImage calls were too many.
func (s *Server) Throttled() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.quota.throttled
}

// take counts a call, and reports whether it is within the quota.
func (q *quota) take(now time.Time) bool {
	if q.perSecond == 0 {
		return true
	}
	for len(q.taken) > 0 && now.Sub(q.taken[0]) >= time.Second {
		q.taken = q.taken[1:]
	}
	if len(q.taken) >= q.perSecond {
		q.throttled++
		return false
	}
	q.taken = append(q.taken, now)
	return true
}
