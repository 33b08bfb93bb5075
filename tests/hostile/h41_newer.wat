;; H41: is made for an interface of the future.
;;
;; ends: plugin/interface
(component (instance $i) (export "ptrun:plugin/secret-source@0.2.0" (instance $i)))
