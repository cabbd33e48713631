// Verifies an export of Assay's audit log with nothing of Assay's: the tree and its proofs by transparency-dev/merkle,
// notes by golang.org/x/mod, checkpoints and tlog-proofs by transparency-dev/formats.
//
//	audit-interop export DIRECTORY KEY            prints the size that the root was computed for
//	audit-interop proof PROOF ENTRY KEY           prints the index that is proven
//	audit-interop consistency PROOF OLD KEY       prints both sizes
//
// Exit code 1, and why on standard error, where anything does not hold.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/transparency-dev/formats/log"
	tlogproof "github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	said, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(said)
}

func run(args []string) (string, error) {
	switch {
	case len(args) == 3 && args[0] == "export":
		return verifyExport(args[1], args[2])
	case len(args) == 4 && args[0] == "proof":
		return verifyProof(args[1], args[2], args[3])
	case len(args) == 4 && args[0] == "consistency":
		return verifyConsistency(args[1], args[2], args[3])
	}
	return "", errors.New("usage: export DIRECTORY KEY | proof PROOF ENTRY KEY | consistency PROOF OLD KEY")
}

// open takes the origin to be the name of the key, as C2SP recommends.
func open(checkpoint []byte, key string) (*log.Checkpoint, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return nil, err
	}
	head, _, _, err := log.ParseCheckpoint(checkpoint, verifier.Name(), verifier)
	return head, err
}

func openFile(path, key string) (*log.Checkpoint, error) {
	checkpoint, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return open(checkpoint, key)
}

func verifyExport(directory, key string) (string, error) {
	head, err := openFile(filepath.Join(directory, "checkpoint"), key)
	if err != nil {
		return "", err
	}
	file, err := os.Open(filepath.Join(directory, "entries.jsonl"))
	if err != nil {
		return "", err
	}
	defer file.Close()
	factory := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	tree := factory.NewEmptyRange(0)
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if err := tree.Append(rfc6962.DefaultHasher.HashLeaf(lines.Bytes()), nil); err != nil {
			return "", err
		}
	}
	if err := lines.Err(); err != nil {
		return "", err
	}
	root, err := tree.GetRootHash(nil)
	if err != nil {
		return "", err
	}
	if tree.End() != head.Size || !bytes.Equal(root, head.Hash) {
		return "", fmt.Errorf("%d entries have another root than the checkpoint of %d", tree.End(), head.Size)
	}
	return strconv.FormatUint(head.Size, 10), nil
}

func verifyProof(path, entry, key string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	var told tlogproof.TLogProof
	if err := told.Unmarshal(text); err != nil {
		return "", err
	}
	head, err := open(told.Checkpoint, key)
	if err != nil {
		return "", err
	}
	leaf, err := os.ReadFile(entry)
	if err != nil {
		return "", err
	}
	hashes := make([][]byte, len(told.Hashes))
	for i := range told.Hashes {
		hashes[i] = told.Hashes[i][:]
	}
	leafHash := rfc6962.DefaultHasher.HashLeaf(bytes.TrimSuffix(leaf, []byte("\n")))
	err = proof.VerifyInclusion(rfc6962.DefaultHasher, told.Index, head.Size, leafHash, hashes, head.Hash)
	return strconv.FormatUint(told.Index, 10), err
}

func verifyConsistency(path, old, key string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	before, err := openFile(old, key)
	if err != nil {
		return "", err
	}
	top, checkpoint, found := strings.Cut(string(text), "\n\n")
	if !found {
		return "", errors.New("the proof has no checkpoint")
	}
	head, err := open([]byte(checkpoint), key)
	if err != nil {
		return "", err
	}
	lines := strings.Split(top, "\n")
	if lines[0] != fmt.Sprintf("old %d", before.Size) {
		return "", fmt.Errorf("the proof begins with %q", lines[0])
	}
	hashes := make([][]byte, len(lines)-1)
	for i, line := range lines[1:] {
		if hashes[i], err = base64.StdEncoding.DecodeString(line); err != nil {
			return "", err
		}
	}
	err = proof.VerifyConsistency(rfc6962.DefaultHasher, before.Size, head.Size, hashes, before.Hash, head.Hash)
	return fmt.Sprintf("%d %d", before.Size, head.Size), err
}
