// The thread of a user's looks: see descriptor-looks.ts.
import { answerAside } from '../process/aside.js';
import { lookAt } from './descriptor-look.js';

answerAside(lookAt);
