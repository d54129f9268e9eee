package main

import (
	"fmt"
	"io"
	"time"
)

// tell writes a line for people, and does not wait for long when nobody reads it.
func tell(stderr io.Writer, line string) {
	told := make(chan struct{})
	go func() {
		defer close(told)
		_, _ = fmt.Fprintln(stderr, line) // there is nobody else to tell
	}()
	select {
	case <-told:
	case <-time.After(2 * time.Second):
	}
}
