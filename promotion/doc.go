// Package promotion is the domain of Verbatim: it decides whether one image's digest may go to an environment, and
// moves the environment's tags onto it.
//
// Everything here is plain values and the standard library. Records (Start, Verification) say what GitHub's workflow
// runs did to which digest; a Policy says what has to be true; Decide turns policy, records and facts into a Decision
// with every gate, met or not; Promoter carries out what was decided. What it needs from outside it asks through the
// small interfaces in ports.go, which the packages below this one implement.
package promotion
