package githubtest

import (
	"encoding/base64"
	"fmt"
)

// object is a JSON object in the making. Once built it is never changed, so that it may be encoded outside the lock.
type object = map[string]any

// sequences hand out ids. Each kind has its own range, and those that are past 32 bits on github.com today start there,
// so that a client which keeps them in an int32 is found out.
type sequences struct {
	account, repository, installation, pullRequest, comment, reaction, review, workflow, run, job, suite, checkRun,
	artifact, status, deployment, deploymentStatus, delivery, team, token, commit int64
}

func firstNumbers() sequences {
	return sequences{
		account: 583230, repository: 1296268, installation: 24153600, pullRequest: 1934567800, comment: 2147000000,
		reaction: 53000, review: 2080045000, workflow: 161330, run: 9876543200, job: 27282211000, suite: 29679440000,
		checkRun: 31422300000, artifact: 1493000000, status: 30200000000, deployment: 1700000000,
		deploymentStatus: 4900000000, delivery: 182000000000, team: 9400000, token: 0, commit: 0,
	}
}

// next moves a sequence on and gives its new number.
func next(sequence *int64) int64 {
	*sequence++
	return *sequence
}

// nodeID gives a global node id that looks like GitHub's older ones.
func nodeID(kind string, id int64) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%03d:%s%d", len(kind), kind, id))
}
