//go:build race

package server_test

// underRace says that the race detector is at work. Holding all traffic against GitHub's description then takes most of the time:
// it is done in the runs without the detector.
const underRace = true
