// Vite knows what to do with a style sheet; TypeScript has to be told that it is one.
declare module "*.css";
