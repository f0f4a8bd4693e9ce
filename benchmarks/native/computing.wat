;; Computes, so many times as it is told: the primes below 2^20, with nothing but accesses to memory ("ask"); a million
;; steps of a generator of random numbers, with nothing but arithmetic ("nothing").
(module
  (memory 17)
  (func (export "ask") (param $times i32) (result i64)
    (local $n i32) (local $at i32) (local $count i64)
    (loop $again
      (memory.fill (i32.const 0) (i32.const 0) (i32.const 1048576))
      (local.set $n (i32.const 2))
      (loop $next
        (if (i32.eqz (i32.load8_u (local.get $n))) (then
          (local.set $count (i64.add (local.get $count) (i64.const 1)))
          (local.set $at (i32.shl (local.get $n) (i32.const 1)))
          (block $done (loop $strike
            (br_if $done (i32.ge_u (local.get $at) (i32.const 1048576)))
            (i32.store8 (local.get $at) (i32.const 1))
            (local.set $at (i32.add (local.get $at) (local.get $n)))
            (br $strike)))))
        (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1048576))))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
    (local.get $count))
  (func (export "nothing") (param $times i32) (result i32)
    (local $state i64) (local $left i32)
    (local.set $state (i64.const 88172645463325252))
    (local.set $left (i32.mul (local.get $times) (i32.const 1000000)))
    (loop $again
      (local.set $state (i64.xor (local.get $state) (i64.shl (local.get $state) (i64.const 13))))
      (local.set $state (i64.xor (local.get $state) (i64.shr_u (local.get $state) (i64.const 7))))
      (local.set $state (i64.xor (local.get $state) (i64.shl (local.get $state) (i64.const 17))))
      (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (i32.wrap_i64 (local.get $state))))
