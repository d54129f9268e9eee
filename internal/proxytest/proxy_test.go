package proxytest_test

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/internal/proxytest"
)

func TestBytesPassBothWays(t *testing.T) {
	t.Parallel()
	connection := dial(t, begin(t))
	echoes(t, connection, "one")
	echoes(t, connection, "two")
}

func TestACutNetworkResetsAndRefuses(t *testing.T) {
	t.Parallel()
	proxy := begin(t)
	old := dial(t, proxy)
	echoes(t, old, "before")
	proxy.Cut()
	ends(t, old)
	refuses(t, proxy)
	proxy.Heal()
	echoes(t, dial(t, proxy), "after")
}

func TestAHungNetworkKeepsEverythingAndPassesNothing(t *testing.T) {
	t.Parallel()
	proxy := begin(t)
	old := dial(t, proxy)
	echoes(t, old, "before")
	proxy.Hang()
	fresh := dial(t, proxy)
	for _, connection := range []net.Conn{old, fresh} {
		write(t, connection, "late")
		must(t, connection.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
		if count, err := connection.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("while it hangs: got %d bytes and %v, expected neither byte nor end", count, err)
		}
	}
	proxy.Heal()
	for _, connection := range []net.Conn{old, fresh} {
		reads(t, connection, "late")
	}
}

func TestStrandedConnectionsNeverComeBack(t *testing.T) {
	t.Parallel()
	proxy := begin(t)
	old := dial(t, proxy)
	echoes(t, old, "before")
	proxy.Hang()
	proxy.Strand()
	write(t, old, "late")
	echoes(t, dial(t, proxy), "after")
	proxy.Heal()
	must(t, old.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	if count, err := old.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("on the stranded connection: got %d bytes and %v, expected neither byte nor end", count, err)
	}
}

func TestASlowNetworkDelays(t *testing.T) {
	t.Parallel()
	proxy := begin(t)
	connection := dial(t, proxy)
	const delay = 30 * time.Millisecond
	proxy.Slow(delay)
	began := time.Now()
	echoes(t, connection, "slow")
	if took := time.Since(began); took < 2*delay {
		t.Errorf("there and back took %v, expected at least %v", took, 2*delay)
	}
}

func TestCloseLeavesNothingRunning(t *testing.T) { //nolint:paralleltest // it counts goroutines
	before := runtime.NumGoroutine()
	proxy := begin(t)
	healthy := dial(t, proxy)
	echoes(t, healthy, "before")
	proxy.Hang()
	hung := dial(t, proxy)
	write(t, healthy, "late")
	write(t, hung, "late")
	must(t, proxy.Close())
	must(t, proxy.Close())
	ends(t, healthy)
	if after := runtime.NumGoroutine(); after > before+3 { // the target's own, for the connections it serves
		t.Errorf("%d goroutines before, %d after Close", before, after)
	}
}

// begin makes a proxy in front of a target that says again what it hears.
func begin(t *testing.T) *proxytest.Proxy {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { must(t, listener.Close()) })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(connection, connection)
				_ = connection.Close() // the proxy may have reset it
			}()
		}
	}()
	proxy, err := proxytest.New(listener.Addr().String())
	must(t, err)
	t.Cleanup(func() { must(t, proxy.Close()) })
	return proxy
}

func dial(t *testing.T, proxy *proxytest.Proxy) net.Conn {
	t.Helper()
	connection, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(t.Context(), "tcp", proxy.Addr())
	must(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	return connection
}

// refuses fails the test unless a new connection is refused: at once, or as soon as it is made.
func refuses(t *testing.T, proxy *proxytest.Proxy) {
	t.Helper()
	connection, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(t.Context(), "tcp", proxy.Addr())
	if err != nil {
		return
	}
	ends(t, connection)
	_ = connection.Close()
}

func echoes(t *testing.T, connection net.Conn, text string) {
	t.Helper()
	write(t, connection, text)
	reads(t, connection, text)
}

func write(t *testing.T, connection net.Conn, text string) {
	t.Helper()
	_, err := io.WriteString(connection, text)
	must(t, err)
}

func reads(t *testing.T, connection net.Conn, want string) {
	t.Helper()
	must(t, connection.SetReadDeadline(time.Now().Add(10*time.Second)))
	got := make([]byte, len(want))
	_, err := io.ReadFull(connection, got)
	must(t, err)
	if string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// ends fails the test unless the connection is broken off.
func ends(t *testing.T, connection net.Conn) {
	t.Helper()
	must(t, connection.SetReadDeadline(time.Now().Add(10*time.Second)))
	if count, err := connection.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %d bytes and %v, expected the connection to be broken off", count, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
