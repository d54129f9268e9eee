package chaos

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// hasConnection reports whether the process holds the connection that the request came over, by Linux's /proc.
func hasConnection(pid int, r *http.Request) bool {
	inode := socketOf(r.RemoteAddr)
	if inode == "" {
		return false
	}
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return false
	}
	for _, file := range files {
		if target, err := os.Readlink(file); err == nil && target == "socket:["+inode+"]" {
			return true
		}
	}
	return false
}

// socketOf gives the inode of the socket whose own end is the address, "" when there is none.
func socketOf(address string) string {
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return ""
	}
	table, err := os.Open("/proc/net/tcp")
	if err != nil {
		return ""
	}
	defer func() { _ = table.Close() }() // it was only read
	own := fmt.Sprintf("0100007F:%04X", port)
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) > 9 && fields[1] == own && fields[9] != "0" {
			return fields[9]
		}
	}
	return ""
}
