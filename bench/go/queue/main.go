// A bounded queue in one process with the promises of Omni's memory queue: every message has an id, publish returns when it is stored and waits
// while the queue is full, it stays until its handler has succeeded, and comes again when the handler failed.
//
// Every line "count inFlight" on stdin is one round; the answer is how many messages were handled.
package main

import (
	"bufio"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
)

const capacity = 1000

type message struct {
	id      uint64
	attempt int
	data    []byte
}

type delivery struct {
	message *message
	queue   *queue
}

// Room is what the slots hold: one is taken by publish and given back by ack.
type queue struct {
	slots   chan struct{}
	ready   chan *message
	mutex   sync.Mutex
	out     map[uint64]*message
	counter atomic.Uint64
}

func newQueue() *queue {
	return &queue{
		slots: make(chan struct{}, capacity),
		ready: make(chan *message, capacity),
		out:   make(map[uint64]*message),
	}
}

func (q *queue) publish(data []byte) uint64 {
	q.slots <- struct{}{}
	stored := &message{id: q.counter.Add(1), attempt: 1, data: data}
	q.ready <- stored
	return stored.id
}

func (q *queue) next() delivery {
	taken := <-q.ready
	q.mutex.Lock()
	q.out[taken.id] = taken
	q.mutex.Unlock()
	return delivery{message: taken, queue: q}
}

func (d delivery) ack() {
	d.queue.mutex.Lock()
	delete(d.queue.out, d.message.id)
	d.queue.mutex.Unlock()
	<-d.queue.slots
}

func (d delivery) nack() {
	d.queue.mutex.Lock()
	delete(d.queue.out, d.message.id)
	d.queue.mutex.Unlock()
	d.message.attempt++
	d.queue.ready <- d.message
}

func consume(q *queue, count int, handler func(*message) error) int {
	handled := 0
	for handled < count {
		taken := q.next()
		if handler(taken.message) != nil {
			taken.nack()
			continue
		}
		taken.ack()
		handled++
	}
	return handled
}

func main() {
	body := make([]byte, 256)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var count, inFlight int
		if _, err := fmt.Sscanf(lines.Text(), "%d %d", &count, &inFlight); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		q := newQueue()
		var begun atomic.Int64
		for lane := 0; lane < inFlight; lane++ {
			go func() {
				for begun.Add(1) <= int64(count) {
					q.publish(body)
				}
			}()
		}
		fmt.Println(consume(q, count, func(*message) error { return nil }))
	}
}
