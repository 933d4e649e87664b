/** Renders a template below `templates/` by its path there. */
export type RenderTemplate = (template: string, context: object) => string;
