;; H4: makes its table larger and larger.
;;
;; ends: plugin/limit
;; lifted: table_elements
(core module $main
  (memory (export "memory") 1)
  (table $table 1 funcref)
  (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "configure") (param i32 i32) (result i32) (i32.const 0))
  (func (export "get-many") (param i32 i32) (result i32)
    (local $rounds i32)
    (loop $again
      (br_if $again
        (i32.and
          (i32.ne (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1))
          (i32.lt_u (local.tee $rounds (i32.add (local.get $rounds) (i32.const 1))) (i32.const 1000)))))
    (if (i32.lt_u (local.get $rounds) (i32.const 1000)) (then unreachable))
    (i32.const 0)))
