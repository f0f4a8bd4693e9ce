;; Waits once for each call.
(module
  (import "floor" "park" (func $park))
  (func (export "rest") (call $park)))
