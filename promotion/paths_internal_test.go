package promotion

import (
	"context"
	"errors"
	"testing"
)

// Files and patterns may be many, and all of them are hostile: looking at them ends when the work's time is over.
func TestLookingAtPathsEndsWithItsTime(t *testing.T) {
	t.Parallel()
	image := Image{Paths: []PathPattern{ParsePathPattern("api/**")}}
	ctx, cancel := context.WithCancel(t.Context())
	if touched, err := image.touched(ctx, []string{"README.md", "api/main.go"}); !touched || err != nil {
		t.Errorf("touched %v, %v", touched, err)
	}
	cancel()
	if touched, err := image.touched(ctx, []string{"README.md", "api/main.go"}); touched || !errors.Is(err, context.Canceled) {
		t.Errorf("after its time: touched %v, %v", touched, err)
	}
}
