;; H42: holds a thousand components, and is none itself.
;;
;; ends: plugin/not-a-source
(component
;; repeat 1000: (component)
)
