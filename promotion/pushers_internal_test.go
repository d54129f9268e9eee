package promotion

import "testing"

func TestEveryCommitOfAPushHasItsPusher(t *testing.T) {
	t.Parallel()
	first, err := ParseCommit("1111111111111111111111111111111111111111")
	if err != nil {
		t.Fatal(err)
	}
	second, err := ParseCommit("2222222222222222222222222222222222222222")
	if err != nil {
		t.Fatal(err)
	}
	push := PushEvent{Repository: Repository{ID: 1}, Branch: "main", After: second, Commits: []Commit{first, second}, Pusher: Person{ID: 2, Login: "bob"}}
	entries := push.pushEntries()
	if len(entries) != 2 || entries[0].Commit != first || entries[1].Commit != second || entries[0].Person.Login != "bob" || entries[0].Base != "main" {
		t.Errorf("entered %+v", entries)
	}
	push.Pusher.Bot = true
	if entries := push.pushEntries(); len(entries) > 0 {
		t.Errorf("a bot entered %+v", entries)
	}
}
