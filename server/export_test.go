package server

import (
	"regexp"

	"github.com/prometheus/client_golang/prometheus"
)

// A description's text is the only place where the library tells a metric's name before there is a value.
var describedName = regexp.MustCompile(`fqName: "([^"]+)"`)

// Names gives the names of all metrics, also of those that have no value yet.
func (m *Metrics) Names() []string {
	descriptions := make(chan *prometheus.Desc)
	go func() { defer close(descriptions); m.registry.Describe(descriptions) }()
	var names []string
	for description := range descriptions {
		if found := describedName.FindStringSubmatch(description.String()); found != nil {
			names = append(names, found[1])
		}
	}
	return names
}
