package server_test

import (
	"bufio"
	"database/sql"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// unfinished gives how many rows of work are ready or leased, as /metrics says it.
func (s *story) unfinished() int {
	count := 0
	for name, value := range s.metrics() {
		if strings.HasPrefix(name, "verbatim_work_rows{") && !strings.Contains(name, "set_aside") && !strings.Contains(name, "scheduled") {
			count += int(value)
		}
	}
	return count
}

// setAside tells how many rows were set aside, by kind.
func (s *story) setAside() string {
	var told []string
	for name, value := range s.metrics() {
		if strings.Contains(name, "set_aside") {
			told = append(told, fmt.Sprintf("%s %g", name, value))
		}
	}
	return strings.Join(told, ", ")
}

// plain asks for no compression, which costs more than all that is looked at.
var plain = http.Client{Transport: &http.Transport{DisableCompression: true}}

// metrics reads /metrics as Prometheus would.
func (s *story) metrics() map[string]float64 {
	s.t.Helper()
	response, err := plain.Get("http://" + s.Server.MetricsAddr() + "/metrics")
	s.must(err)
	defer response.Body.Close()
	values := map[string]float64{}
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		at := strings.LastIndexByte(lines.Text(), ' ')
		if at < 0 || strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		if value, err := strconv.ParseFloat(lines.Text()[at+1:], 64); err == nil {
			values[lines.Text()[:at]] = value
		}
	}
	return values
}

// openDatabase opens the ledger's database behind the server's back.
func (s *story) openDatabase() (*sql.DB, error) {
	if file, isFile := strings.CutPrefix(s.DatabaseURL(), "sqlite:"); isFile {
		return sql.Open("sqlite", file+"?_pragma=busy_timeout(10000)") // the server may be writing
	}
	return sql.Open("pgx", s.DatabaseURL())
}

// states gives the states of all promotions that were asked for, as the ledger's file has them.
func (s *story) states() []string {
	s.t.Helper()
	database, err := s.openDatabase()
	s.must(err)
	defer func() { s.must(database.Close()) }()
	rows, err := database.QueryContext(s.ctx, `SELECT state FROM promotions WHERE kind = 'promotion' ORDER BY id`)
	s.must(err)
	defer rows.Close()
	var states []string
	for rows.Next() {
		var state string
		s.must(rows.Scan(&state))
		states = append(states, state)
	}
	s.must(rows.Err())
	return states
}
