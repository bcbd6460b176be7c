// What importing a module costs that has nothing in it.
export {};
