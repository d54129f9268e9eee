package adversary

import (
	"fmt"
	"sync"
	"time"
)

// clock is the world's time: the wall clock's, and what the moves let pass. GitHub has it; the server's own may be wrong.
type clock struct {
	mutex sync.Mutex
	ahead time.Duration
	wrong time.Duration // by how much the server's is ahead
}

func (c *clock) now() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return time.Now().Add(c.ahead)
}

// servers returns what the server's clock says.
func (c *clock) servers() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return time.Now().Add(c.ahead + c.wrong)
}

// pass lets time pass.
func (c *clock) pass(by time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.ahead += by
}

// step makes the server's clock wrong, by at most mostWrong.
func (c *clock) step(wrong time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.wrong = wrong
}

// mostWrong is by how much the server's clock is wrong at most. What waits, waits by the server's clock.
const mostWrong = 50 * time.Minute

// misdate is a move: the server's clock steps, or is set right.
func (w *world) misdate() {
	wrong := []time.Duration{0, mostWrong, -mostWrong, 20 * time.Minute, -20 * time.Minute}[w.chosen("the server's clock is wrong by", 5)]
	w.clock.step(wrong)
	w.stepped = w.stepped || wrong != 0
	w.heard(fmt.Sprintf("the server's clock is ahead by %s", wrong), w.wake)
}
