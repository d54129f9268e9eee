// Package server puts Verbatim together: it listens for GitHub's deliveries, keeps them before it answers, works them
// off, and tells GitHub and Slack what came of them.
//
// The data flows one way: intake commits a delivery to the ledger; the worker claims it and calls its handler; what
// the domain decided is committed together with the delivery's completion; announcements are rows of work too.
package server
