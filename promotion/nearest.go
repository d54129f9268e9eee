package promotion

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// DidYouMean gives the name that the word was probably meant to be, as a question, or "" when none is near.
func DidYouMean(word string, names []string) string {
	best, distance := "", 2+len(word)/4
	for _, name := range names {
		if d := editDistance(strings.ToLower(word), strings.ToLower(name)); d < distance {
			best, distance = name, d
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean " + best + "?"
}

// editDistance is Levenshtein's: how many letters to add, drop or change. A word of more than 64 letters is far from all.
func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return len(a) + len(b)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			changed := diagonal
			if a[i-1] != b[j-1] {
				changed++
			}
			diagonal, row[j] = row[j], min(changed, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}

// oldestFirst orders runs as their attempts rule: by start, id and attempt.
func oldestFirst(runs []Run) []Run {
	ordered := slices.Clone(runs)
	slices.SortFunc(ordered, func(a, b Run) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID))
	})
	return ordered
}

// howMany gives a number with its noun: 1 commit, 2 commits.
func howMany(count int, noun string) string {
	if count == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", count, noun)
}

func orWord(word, instead string) string { return cmp.Or(word, instead) }
