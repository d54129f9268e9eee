package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// replica is one process of the binary, and those that take its place.
type replica struct {
	binary      string
	address     string // where it listens for deliveries
	environment []string
	log         *os.File

	mutex   sync.Mutex
	process *os.Process
	ended   chan struct{} // closed when the process is gone
	doomed  bool          // the process is meant to end
	paused  bool
	crashes []string
}

func newReplica(binary, folder string, number int, environment []string) (*replica, error) {
	address, err := FreeAddress()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(folder, fmt.Sprintf("replica-%d.log", number)))
	if err != nil {
		return nil, err
	}
	return &replica{
		binary: binary, address: address, log: log,
		environment: append(environment, "VERBATIM_ADDR="+address, "VERBATIM_METRICS_ADDR=127.0.0.1:0"),
	}, nil
}

// FreeAddress returns an address on loopback at which nobody listens, of a port outside the range that the system hands out: it must
// not be taken by one while the process is down.
func FreeAddress() (string, error) {
	var failure error
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
		listener, err := net.Listen("tcp", address)
		if err == nil {
			return address, listener.Close()
		}
		failure = err
	}
	return "", failure
}

// start starts the process, and returns when it listens.
func (r *replica) start(ctx context.Context) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.process != nil {
		return nil
	}
	command := exec.Command(r.binary, "serve")
	command.Env, command.Stdout, command.Stderr = r.environment, r.log, r.log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", r.binary, err)
	}
	r.process, r.ended, r.doomed, r.paused = command.Process, make(chan struct{}), false, false
	go r.wait(command, r.ended)
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		if connection, err := net.Dial("tcp", r.address); err == nil {
			return connection.Close()
		}
		select {
		case <-r.ended:
			r.process = nil
			return fmt.Errorf("the process at %s ended while it started: see %s", r.address, r.log.Name())
		case <-ctx.Done():
			return fmt.Errorf("the process at %s does not listen: see %s", r.address, r.log.Name())
		case <-ticker.C:
		}
	}
}

// wait notes when the process ends by itself: it never should.
func (r *replica) wait(command *exec.Cmd, ended chan struct{}) {
	err := command.Wait()
	close(ended)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if !r.doomed && r.process == command.Process {
		r.process = nil
		r.crashes = append(r.crashes, fmt.Sprintf("process %d at %s ended by itself (%v): see %s", command.Process.Pid, r.address, err, r.log.Name()))
	}
}

// kill ends the process by SIGKILL, and returns when it is gone. It reports whether there was one.
func (r *replica) kill() bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.process == nil || r.paused {
		return false
	}
	r.end()
	return true
}

// end kills the process, paused or not. The lock is held.
func (r *replica) end() {
	r.doomed = true
	_ = r.process.Kill() // gone already is as good
	ended := r.ended
	r.process, r.paused = nil, false
	<-ended
}

// pause stops the process as if the machine hung; proceed lets it go on.
func (r *replica) pause() bool { return r.signal(syscall.SIGSTOP, true) }

func (r *replica) proceed() bool { return r.signal(syscall.SIGCONT, false) }

func (r *replica) signal(signal syscall.Signal, pause bool) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.process == nil || r.paused == pause {
		return false
	}
	r.paused = pause
	return r.process.Signal(signal) == nil
}

// serving reports whether the process runs and is not paused.
func (r *replica) serving() bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.process != nil && !r.paused
}

func (r *replica) pid() int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.process == nil {
		return 0
	}
	return r.process.Pid
}

// crashed gives how often the process ended by itself.
func (r *replica) crashed() []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.crashes
}

func (r *replica) close() error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.process != nil {
		r.end()
	}
	return r.log.Close()
}

// build builds the binary from the module's source.
func build(ctx context.Context, folder, tags string, output io.Writer) (string, error) {
	binary := filepath.Join(folder, "verbatim")
	arguments := []string{"build", "-buildvcs=false", "-o", binary}
	if tags != "" {
		arguments = append(arguments, "-tags", tags)
	}
	command := exec.CommandContext(ctx, "go", append(arguments, "github.com/verbatim-dev/verbatim/cmd/verbatim")...)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	command.Stdout, command.Stderr = output, output
	if err := command.Run(); err != nil {
		return "", errors.Join(errors.New("build the binary"), err)
	}
	return binary, nil
}
