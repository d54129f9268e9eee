package adversary

import (
	"sync"
	"time"
)

// clock is the world's time: the wall clock's, and what the moves let pass or step back.
type clock struct {
	mutex sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return time.Now().Add(c.ahead)
}

// pass lets time pass.
func (c *clock) pass(by time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.ahead += by
}
