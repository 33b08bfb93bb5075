;; H42: is small, and takes half a GiB to compile: every variable lives as long as the loop.
;;
;; ends: plugin/limit
;; lifted: compile_memory
(core module $main
  (memory (export "memory") 1)
  (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "configure") (param i32 i32) (result i32) (i32.const 0))
  (func (export "get-many") (param i32 i32) (result i32) (i32.const 0))
  (func (param i32) (local
;; repeat 2500: i32
  )
    (loop $again
;; repeat 2500: (if (local.get 0) (then (local.set @ (i32.add (local.get #) (local.get @)))))
      (br_if $again (local.get 0)))))
