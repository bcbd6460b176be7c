// Sends messages from one goroutine to another: over a plain buffered channel, or with a read lock taken for every send, as a backend does
// that looks its channels up and guards them against a close in between.
//
// Every line "size count" on stdin is one round; the answer is what arrived.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"sync"
)

const buffered = 100

type locked struct {
	mutex  sync.RWMutex
	queue  chan []byte
	closed bool
}

func (l *locked) send(message []byte) {
	l.mutex.RLock()
	defer l.mutex.RUnlock()
	if !l.closed {
		l.queue <- message
	}
}

func (l *locked) end() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.closed = true
	close(l.queue)
}

// Each message is the receiver's own: the sender uses its bytes again.
func ownCopy(scratch []byte, index int) []byte {
	binary.LittleEndian.PutUint32(scratch, uint32(index))
	message := make([]byte, len(scratch))
	copy(message, scratch)
	return message
}

func produce(queue chan []byte, withLock bool, size int, count int) {
	scratch := make([]byte, size)
	if !withLock {
		for index := 0; index < count; index++ {
			queue <- ownCopy(scratch, index)
		}
		close(queue)
		return
	}
	guarded := &locked{queue: queue}
	for index := 0; index < count; index++ {
		guarded.send(ownCopy(scratch, index))
	}
	guarded.end()
}

func main() {
	withLock := len(os.Args) > 1 && os.Args[1] == "locked"
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var size, count int
		if _, err := fmt.Sscanf(lines.Text(), "%d %d", &size, &count); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		queue := make(chan []byte, buffered)
		go produce(queue, withLock, size, count)
		messages, bytes, sum := 0, 0, 0
		for message := range queue {
			messages++
			bytes += len(message)
			sum += int(binary.LittleEndian.Uint32(message))
		}
		fmt.Printf("%d messages, %d bytes, sum %d\n", messages, bytes, sum)
	}
}
