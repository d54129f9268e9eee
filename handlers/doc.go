// Package handlers turns GitHub's deliveries into the domain's events: one thin file an event, each decodes, maps the
// action and makes one call. What follows from the event is left in the Outcome that the context carries, for the
// worker to commit together with the delivery's completion.
//
// command.go is the grammar of comments; it is pure.
package handlers
