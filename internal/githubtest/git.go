package githubtest

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// network is the commits that a repository and its forks share.
type network struct {
	byID  map[string]*Commit
	order []*Commit
}

// Commit is a commit: a whole picture of the files, its parents, and who made it.
type Commit struct {
	sha        string
	tree       string
	message    string
	parents    []*Commit
	author     signature
	committer  signature
	files      map[string]string
	generation int
	sequence   int64
	signed     bool
}

type signature struct {
	name, email string
	date        time.Time
	account     *account // nil when the e-mail address belongs to nobody on GitHub
}

// SHA gives the commit's name: 40 hexadecimal digits.
func (c *Commit) SHA() string { return c.sha }

// Short gives the first seven digits.
func (c *Commit) Short() string { return c.sha[:7] }

// Tree gives the name of the commit's tree. Equal files give equal trees, as in git.
func (c *Commit) Tree() string { return c.tree }

// Message gives the commit's message.
func (c *Commit) Message() string { return c.message }

func (n *network) add(c *Commit) *Commit {
	c.tree = hex.EncodeToString(treeOf(c.files))
	for _, parent := range c.parents {
		c.generation = max(c.generation, parent.generation+1)
	}
	var content strings.Builder
	fmt.Fprintf(&content, "tree %s\n", c.tree)
	for _, parent := range c.parents {
		fmt.Fprintf(&content, "parent %s\n", parent.sha)
	}
	// The sequence keeps two commits apart that are alike in everything, time included.
	fmt.Fprintf(&content, "author %s <%s> %d +0000\ncommitter %s <%s> %d +0000\nsequence %d\n\n%s",
		c.author.name, c.author.email, c.author.date.Unix(), c.committer.name, c.committer.email, c.committer.date.Unix(),
		c.sequence, c.message)
	c.sha = hex.EncodeToString(gitHash("commit", []byte(content.String())))
	n.byID[c.sha] = c
	n.order = append(n.order, c)
	return c
}

// gitHash names an object as git does: SHA-1 over kind, length and content.
func gitHash(kind string, content []byte) []byte {
	hash := sha1.Sum(append(fmt.Appendf(nil, "%s %d\x00", kind, len(content)), content...))
	return hash[:]
}

func blobSHA(content string) string {
	if pinned, is := pinnedBy(content); is {
		return pinned
	}
	return hex.EncodeToString(gitHash("blob", []byte(content)))
}

const submoduleMark = "\x00submodule "

// Submodule as a file's content makes a submodule of it: another repository's commit, by its name, in place of a folder.
func Submodule(commit string) string { return submoduleMark + commit }

// pinnedBy gives the commit that a submodule names, and whether it is one.
func pinnedBy(content string) (string, bool) { return strings.CutPrefix(content, submoduleMark) }

// treeOf names a tree of files as git does.
func treeOf(files map[string]string) []byte {
	type entry struct {
		mode string
		hash []byte
	}
	entries := map[string]entry{}
	folders := map[string]map[string]string{}
	for path, content := range files {
		folder, rest, nested := strings.Cut(path, "/")
		if pinned, is := pinnedBy(content); is && !nested {
			hash, _ := hex.DecodeString(pinned)
			entries[path] = entry{"160000", hash}
			continue
		}
		if !nested {
			entries[path] = entry{"100644", gitHash("blob", []byte(content))}
			continue
		}
		if folders[folder] == nil {
			folders[folder] = map[string]string{}
		}
		folders[folder][rest] = content
	}
	for folder, below := range folders {
		entries[folder] = entry{"40000", treeOf(below)}
	}
	sortKey := func(name string) string {
		if entries[name].mode == "40000" {
			return name + "/"
		}
		return name
	}
	names := slices.SortedFunc(maps.Keys(entries), func(a, b string) int { return strings.Compare(sortKey(a), sortKey(b)) })
	var content bytes.Buffer
	for _, name := range names {
		fmt.Fprintf(&content, "%s %s\x00", entries[name].mode, name)
		content.Write(entries[name].hash)
	}
	return gitHash("tree", content.Bytes())
}

// ancestors gives the commit and everything before it.
func (c *Commit) ancestors() map[*Commit]bool {
	seen := map[*Commit]bool{}
	if c == nil {
		return seen
	}
	open := []*Commit{c}
	for len(open) > 0 {
		at := open[len(open)-1]
		open = open[:len(open)-1]
		if seen[at] {
			continue
		}
		seen[at] = true
		open = append(open, at.parents...)
	}
	return seen
}

// mergeBase gives the youngest common ancestor, or nil.
func mergeBase(a, b *Commit) *Commit {
	ours := a.ancestors()
	var best *Commit
	for candidate := range b.ancestors() {
		if !ours[candidate] {
			continue
		}
		if best == nil || candidate.generation > best.generation ||
			candidate.generation == best.generation && candidate.sequence > best.sequence {
			best = candidate
		}
	}
	return best
}

// between gives what head has and base has not, oldest first.
func between(base, head *Commit) []*Commit {
	known := base.ancestors()
	var found []*Commit
	for candidate := range head.ancestors() {
		if !known[candidate] {
			found = append(found, candidate)
		}
	}
	slices.SortFunc(found, func(a, b *Commit) int {
		if a.generation != b.generation {
			return a.generation - b.generation
		}
		return int(a.sequence - b.sequence)
	})
	return found
}

// fileChange is one file that differs.
type fileChange struct {
	path, status         string // added, modified, removed
	additions, deletions int
	blob                 string
	patch                string // of submodules only
}

// changes gives the files that differ between two commits, by path. A nil one has no files.
func changes(from, to *Commit) []fileChange {
	var before, after map[string]string
	if from != nil {
		before = from.files
	}
	if to != nil {
		after = to.files
	}
	var found []fileChange
	for path, content := range after {
		old, existed := before[path]
		switch {
		case !existed:
			found = append(found, fileChange{path: path, status: "added", additions: lines(content), blob: blobSHA(content)})
		case old != content:
			added, removed := lineDifference(old, content)
			change := fileChange{path: path, status: "modified", additions: added, deletions: removed, blob: blobSHA(content)}
			if pinned, is := pinnedBy(content); is {
				before, _ := pinnedBy(old)
				change.patch = fmt.Sprintf("@@ -1 +1 @@\n-Subproject commit %s\n+Subproject commit %s", before, pinned)
			}
			found = append(found, change)
		}
	}
	for path, content := range before {
		if _, kept := after[path]; !kept {
			found = append(found, fileChange{path: path, status: "removed", deletions: lines(content), blob: blobSHA(content)})
		}
	}
	slices.SortFunc(found, func(a, b fileChange) int { return strings.Compare(a.path, b.path) })
	return found
}

func lines(content string) int {
	if content == "" {
		return 0
	}
	return strings.Count(strings.TrimSuffix(content, "\n"), "\n") + 1
}

// lineDifference counts lines that only one side has. It does not look at their order.
func lineDifference(before, after string) (added, removed int) {
	count := map[string]int{}
	for line := range strings.SplitSeq(before, "\n") {
		count[line]++
	}
	for line := range strings.SplitSeq(after, "\n") {
		if count[line] > 0 {
			count[line]--
			continue
		}
		added++
	}
	for _, left := range count {
		removed += left
	}
	return added, removed
}

// first gives the first parent, or nil.
func (c *Commit) first() *Commit {
	if len(c.parents) == 0 {
		return nil
	}
	return c.parents[0]
}

// resolve finds what a name means in the repository: a full SHA, a branch, a tag, refs/… of either, or the beginning of
// a SHA (at least four digits, and only one commit that begins so). Nil when it means nothing.
func (r *Repository) resolve(name string) *Commit {
	if commit := r.network.byID[strings.ToLower(name)]; commit != nil {
		return commit
	}
	short := strings.TrimPrefix(name, "refs/")
	if branch, found := strings.CutPrefix(short, "heads/"); found && r.branches[branch] != nil {
		return r.branches[branch]
	}
	if tag, found := strings.CutPrefix(short, "tags/"); found && r.tags[tag] != nil {
		return r.tags[tag]
	}
	if name == "HEAD" {
		return r.branches[r.defaultBranch]
	}
	if commit := r.branches[name]; commit != nil {
		return commit
	}
	if commit := r.tags[name]; commit != nil {
		return commit
	}
	return r.abbreviated(strings.ToLower(name))
}

func (r *Repository) abbreviated(prefix string) *Commit {
	if len(prefix) < 4 || strings.Trim(prefix, "0123456789abcdef") != "" {
		return nil
	}
	var found *Commit
	for _, commit := range r.network.order {
		if !strings.HasPrefix(commit.sha, prefix) {
			continue
		}
		if found != nil {
			return nil // ambiguous
		}
		found = commit
	}
	return found
}
