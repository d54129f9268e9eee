// Package chaos is the kill harness: the real binary works for stand-ins of GitHub, a registry and Slack, is killed by
// SIGKILL over and over, and afterwards it is checked, by what the stand-ins saw alone, that nothing was lost and nothing
// was done twice. docs/reliability.md says what that covers.
package chaos
