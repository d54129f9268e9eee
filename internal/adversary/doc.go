// Package adversary plays people who may push to a repository, people who may not, and GitHub itself against the real
// server, at random, and judges each production tag that the server sets.
//
// # The parts
//
// The world (world_test.go, moves_*_test.go) is one scene: GitHub's stand-in, a registry and the server, over HTTP. A
// history is a list of moves that rapid draws: pushes, tags, pull requests, commands, roles, images, time, lost
// deliveries. After each change the world waits until the server has nothing left to do.
//
// The runner (runner_test.go) is the continuous integration. It reads the workflow's file at the run's commit and does what
// the file says: an emptied workflow tests nothing, and succeeds.
//
// The truth (truth_test.go) is what really happened: which job ran which file's content on which commit, which digest it
// built or pulled, who wrote which command and when GitHub delivered it, what is held, what is live.
//
// The oracle (oracle_*_test.go) judges each production tag at the registry by the truth alone. It shares no code with the
// program: the policy is a struct of this package (policy_test.go), which is rendered to YAML for the program. A tag that no
// command excuses is a failure. At the end of a history all is put in order, an honest commit goes through all stages, and a
// person who may asks: then the server must promote (liveness_test.go).
//
// # Running it
//
//	make adversary DURATION=10m
//	VERBATIM_ADVERSARY_DURATION=10m go test ./internal/adversary -run TestAdversary
//	go test ./internal/adversary -run TestAdversary -rapid.seed=123 -rapid.checks=1   # one history again
//
// A failure prints rapid's seed and the moves of the shortest history found.
package adversary
