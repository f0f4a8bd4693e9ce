;; Calls one host function many times, and is called.
(module
  (import "floor" "constant" (func $constant (result i64)))
  (func (export "ask") (param $times i32) (result i64)
    (local $sum i64)
    (loop $again
      (local.set $sum (i64.add (local.get $sum) (call $constant)))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
    (local.get $sum))
  (func (export "nothing") (param i32) (result i32) (i32.const 0)))
