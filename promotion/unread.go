package promotion

import "slices"

// retold returns the gates as they are to be told when some run of the commit could not be read: what rests on older notes then,
// that a stage runs or was never seen, is no verdict. What was read just now stays as it is.
func (f Facts) retold(stage Stage, gates []Gate) []Gate {
	if f.Unread == nil {
		return gates
	}
	told := slices.Clone(gates)
	for i, gate := range told {
		if gate.Met || gate.Reason == StageRunning && f.runsNow(stage) {
			continue
		}
		// A registry that failed has left open what ended just now, and nothing else.
		if gate.Reason == StageRunning || gate.Reason == StageMissing && reasonOf(f.Unread) != RegistryError {
			cannot := unclear(gate.Name, f.Unread)
			cannot.URL = gate.URL
			told[i] = cannot
		}
	}
	return told
}

// runsNow reports whether GitHub just said that the stage's newest attempt has not ended.
func (f Facts) runsNow(stage Stage) bool {
	newest := newestAttempt(stage, f.Records, f.Listed)
	return newest != nil && slices.ContainsFunc(f.Listed, func(attempt Attempt) bool {
		return attempt.Stage == stage.Name && attempt.Run == newest.run && attempt.Number == newest.attempt && attempt.Running
	})
}
